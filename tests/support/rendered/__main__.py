from support.rendered import write

write()

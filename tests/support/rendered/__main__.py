from support.rendered import GOLDEN

GOLDEN.write()

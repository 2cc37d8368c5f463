"""The protocol: commands (`commands/`) on an engine that sends and reads (`engine`), on `encoder` and `decoder`.

May import: the hall, `network`, `login`. Nobody else imports imapclient.
Begin with: `session.ImapSession`, then the file of `commands/` you need.
"""

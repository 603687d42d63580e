"""The records of a ZIP archive: structures, signatures and flags.

    local header, name, extra fields, data [, data descriptor]    one for each file, without gaps
    central record, name, extra fields                            one for each file
    end record                                                    the last 22 bytes

Source: APPNOTE.TXT 6.3.10 (PKWARE), cited by section.
"""

import struct

__all__ = [
    "CENTRAL",
    "CENTRAL_READ",
    "CENTRAL_SIGN",
    "DEFLATED",
    "DESCRIPTOR",
    "DESCRIPTOR_SIGN",
    "DOS_FOLDER",
    "DOS_VOLUME",
    "END",
    "END_SIGN",
    "EXTRA",
    "HAS_DESCRIPTOR",
    "IS_ENCRYPTED",
    "IS_PATCH",
    "IS_UTF8",
    "LOCAL",
    "LOCAL_READ",
    "LOCAL_SIGN",
    "MAX_COMMENT_BYTES",
    "MAX_COUNT",
    "MAX_SIZE",
    "REFUSED_FLAGS",
    "REPEATED",
    "STORED",
    "ZIP64_END_SIGN",
    "ZIP64_LOCATOR_SIGN",
    "ZIP64_LOCATOR_SIZE",
]

LOCAL = struct.Struct("<4s5H3L2H")  # 4.3.7
CENTRAL = struct.Struct("<4s6H3L5H2L")  # 4.3.12
END = struct.Struct("<4s4H2LH")  # 4.3.16
# A local header and a central record, without the members that the reader ignores.
LOCAL_READ = struct.Struct("<6x2H4x3L2H")
CENTRAL_READ = struct.Struct("<8x2H4x3L4H2x2L")
# The bytes of a central record that the local header repeats after its signature.
REPEATED = slice(6, 32)
DESCRIPTOR = struct.Struct("<3L")  # 4.3.9
EXTRA = struct.Struct("<2H")  # 4.5.1
LOCAL_SIGN, CENTRAL_SIGN, END_SIGN, DESCRIPTOR_SIGN = b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\7\x08"
ZIP64_END_SIGN, ZIP64_LOCATOR_SIGN, ZIP64_LOCATOR_SIZE = b"PK\6\6", b"PK\6\7", 20  # 4.3.14, 4.3.15
# 4.4.1.4: these values mean "see the zip64 record" and cannot be used as numbers.
MAX_COUNT, MAX_SIZE = 0xFFFF, 0xFFFFFFFF
MAX_COMMENT_BYTES = 0xFFFF  # 4.4.12
STORED, DEFLATED = 0, 8  # 4.4.5
# 4.4.4
HAS_DESCRIPTOR, IS_UTF8 = 1 << 3, 1 << 11
IS_ENCRYPTED = 1 | 1 << 6 | 1 << 13
IS_PATCH = 1 << 5
REFUSED_FLAGS = IS_ENCRYPTED | IS_PATCH
# 4.4.15, and the directory and volume bits of MS-DOS below it
DOS_FOLDER, DOS_VOLUME = 0x10, 0x08

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the schema's parser must refuse, since a wrong schema would give wrong codecs.

    test_wiregen.py TOOLS-FOLDER"""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv.pop(1))
import wiregen  # noqa: E402

REFUSED = {
    'an unknown type': 'message a\n  x u7\n',
    'a use before the definition': 'message a\n  x b\nmessage b\n  y u8\n',
    'a message inside itself': 'message a\n  x a\n',
    'a message without fields': 'message a\nmessage b\n  x u8\n',
    'two fields of one name': 'message a\n  x u8\n  x u16\n',
    'two messages of one name': 'message a\n  x u8\nmessage a\n  y u8\n',
    'a message named as a type': 'message hash\n  x u8\n',
    'a list of nothing': 'message a\n  x list<u8, 0>\n',
    'a limit that no count reaches': 'message a\n  x list<u8, 65536>\n',
    'a constant that is not a u8': 'message a\n  x u16 = 1\n',
    'a constant out of range': 'message a\n  x u8 = 256\n',
    'a digest after the fields': 'message a\n  x u8\n  digest "a"\n',
    'tags that do not start at 1': 'message a\n  x u8\nchoice c\n  2 a a\n',
    'tags with a gap': 'message a\n  x u8\nchoice c\n  1 a a\n  3 b a\n',
    'an arm that is no message': 'choice c\n  1 a u8\n',
    'an arm with a field named kind': 'message a\n  kind u8\nchoice c\n  1 a a\n',
    'a line outside any message': '  x u8\n',
    'a line that is neither': 'message a\n  x u8\nstruct b\n',
}


def parse(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'schema')
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        return wiregen.parse(path)


class TestSchema(unittest.TestCase):
    def test_what_is_refused(self):
        for what, text in REFUSED.items():
            with self.subTest(what), self.assertRaises(SystemExit):
                parse(text)

    def test_sizes(self):
        messages = parse('message a # doc\n  digest "a"\n  v u8 = 1\n  t text<5> # x\n'
                         'message b\n  l list<a, 3>\n  n nonce\n'
                         'choice c\n  1 a a\n  2 b b\n')
        self.assertEqual(wiregen.size_max(messages, 'a'), 1 + 2 + 5)
        self.assertEqual(wiregen.size_max(messages, 'b'), 2 + 3 * 8 + 16)
        self.assertEqual(wiregen.size_max(messages, 'c'), 1 + 42)
        # {"v":255,"t":"\"\"\"\"\""}, with room for a comma after the last member
        self.assertEqual(wiregen.json_max(messages, 'a'), len('{"v":255,"t":"",}') + 10)
        self.assertEqual(messages['a'].digest, 'a')


unittest.main()

"""Messages that are nearly right: whole ones, changed in a few places."""

WHOLE = [
    b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    b"PROPFIND /dav/a/ HTTP/1.1\r\nHost: a.example:8080\r\nDepth: 1\r\n"
    b"Content-Type: application/xml\r\nContent-Length: 11\r\n\r\n<propfind/>",
    b"PUT /dav/a/f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    b"\r\n5\r\nhello\r\n1A;x=\"y\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
    b"PUT /f HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X"
    b"\r\n\r\n3\r\nabc\r\n00\r\nX: y\r\nDigest: z\r\n\r\n",
    b"POST /x?y=z HTTP/1.1\r\nhost: [::1]:80\r\nContent-Length: 3\r\n"
    b"Expect: 100-continue\r\nConnection: close\r\n\r\nabc",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nUser-Agent: x/1 (y)\r\n\r\n",
    b"GET http://a.example/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"MOVE /a HTTP/1.1\r\nHost: a\r\nDestination: http://a/b\r\n"
    b"Overwrite: F\r\nContent-Length: 0\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PUT /g HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nX-A: \xe9\r\n\r\n"
    b"abcdGET / HTTP/1.1\r\nHost: a\r\n\r\n",
]
PIECES = [
    b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b";", b",", b"\x0b",
    b"\x7f", b"\xff", b"0", b"00", b"+", b"-1", b"0x5", b"1_0", b"5", b"F",
    b"ffffffffffffffff", b"7fffffffffffffff", b"10000000000000000",
    b"9223372036854775808", b"99999999999999999999", b"HTTP/1.1",
    b"HTTP/1.0", b"HTTP/2.0", b"HTTP/1.10", b"http/1.1", b"ICE/1.0",
    b"Content-Length: 5\r\n", b"Content-Length: 3\r\n",
    b"content-length:3\r\n", b"Content_Length: 9\r\n",
    b"Content-Length: 3, 3\r\n", b"Content-Length : 3\r\n",
    b"Content-Length: +3\r\n", b"Content-Length: 03\r\n",
    b"Content-Length:\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding : chunked\r\n", b"Transfer-Encoding: xchunked\r\n",
    b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding:\tchunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"transfer-encoding: CHUNKED\r\n",
    b"Transfer-Encoding: \x0bchunked\r\n", b"Transfer_Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n", b"Host: b\r\n", b"Host:\r\n",
    b"Host: a b\r\n", b" folded\r\n", b"\tfolded\r\n", b": empty\r\n",
    b"X\r\n", b"X: \x01\r\n", b"(: y\r\n", b"Expect: x\r\n",
    b"Connection: upgrade\r\nUpgrade: x\r\n", b"Connection: close\r\n",
    b"0\r\n\r\n", b"3\r\nabc\r\n", b"5\nhello\n", b"3 \r\nabc\r\n",
    b"3;a\nabc\r\n", b"3;\r\nabc\r\n", b"3\r\nabcd\r\n", b"X: y\r\n\r\n",
    b"CONNECT a:1 ", b"BREW /x ", b"GET  ", b"/../", b"#", b"\"", b"%zz",
    b"*", b"A" * 40, b"B" * 1100, b"X: " + b"v" * 4200 + b"\r\n",
    b"Z: 1\r\n" * 41,
]


def place(chance, message):
    """Somewhere; half of the time where a line begins or ends."""
    if chance.random() < 0.5:
        ends = [at for at in range(len(message)) if message[at] == 10]
        if ends:
            return chance.choice(ends) + chance.choice((-1, 0, 1))
    return chance.randrange(len(message) + 1)


def change(chance, message):
    at = max(0, place(chance, message))
    kind = chance.randrange(8)
    if kind < 3:
        return message[:at] + chance.choice(PIECES) + message[at:]
    if kind == 3:
        return message[:at] + message[at + chance.randrange(1, 4):]
    if kind == 4:
        return message[:at] + bytes([chance.randrange(256)]) \
            + message[at + 1:]
    if kind == 5:
        piece = chance.choice(PIECES)
        return message[:at] + piece + message[at + len(piece):]
    if kind == 6:
        other = chance.choice(WHOLE)
        return message[:at] + other[place(chance, other):]
    cut = chance.randrange(1, 30)
    return message[:at] + message[at:at + cut] + message[at:]


def message_make(chance):
    message = chance.choice(WHOLE)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5))):
        message = change(chance, message)
    return message

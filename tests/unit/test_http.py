"""HTTP/1.1 for downloads, over the same transport as ever but without TLS underneath."""

import net
from enos_ota.errors import DownloadError, LinkError
from helpers import run
from httpcase import BODY, WithServer, head


class TestRequest(WithServer):
    def test_request_line_host_and_headers_are_sent(self):
        self.get(head(), headers="Range: bytes=7-\r\n")
        lines = self.asked.decode().split("\r\n")
        self.assertEqual(lines[0], "GET /file?a=b HTTP/1.1")
        self.assertIn("Range: bytes=7-", lines)
        self.assertEqual(lines[-2:], ["", ""])

    def test_host_header_names_the_port_unless_it_is_the_default(self):
        # RFC 9112 §3.2: Host names the port too; without it strict servers answer 400 or redirect.
        self.get(head())
        self.assertIn("Host: localhost:18443\r\n", self.asked.decode())

    def test_path_is_a_slash_when_the_address_has_none(self):
        self.get(head(), url="https://localhost:18443")
        self.assertTrue(self.asked.startswith(b"GET / HTTP/1.1\r\n"))

    def test_port_443_is_the_default(self):
        self.server = net.Server(self.net, 443)
        self.get(head(), url="https://localhost/x")
        self.assertIn("Host: localhost\r\n", self.asked.decode())

    def test_post_body_follows_the_head(self):
        self.get(head(), method="POST", body=b'{"a":1}', headers="Content-Length: 7\r\n")
        self.assertTrue(self.asked.startswith(b"POST /file?a=b HTTP/1.1\r\n"))
        self.assertIn(b"Content-Length: 7\r\n", self.asked)
        self.assertEqual(run(self.peer.read(7)), b'{"a":1}')

    def test_anything_but_https_is_refused_without_a_connection(self):
        for url in ("http://localhost:18443/x", "ftp://h/x", "mqtts://h", "/x", "", "https://"):
            self.assertRaises(DownloadError, run, self.http.request("GET", url))
        self.assertEqual(self.net.connections, 0)

    def test_unknown_host_and_refused_connection_are_link_errors(self):
        for url in ("https://nowhere/x", "https://localhost:1/x"):
            self.raised(LinkError, run, self.http.request("GET", url))


class TestHead(WithServer):
    def test_status_and_length_are_taken(self):
        for status in (200, 206, 404, 500):
            self.peer = None
            self.http.close()
            self.get(head(status), BODY)
            self.assertEqual(self.http.status, status)
            self.assertEqual(self.http.left_bytes, len(BODY))

    def test_header_names_are_lowered_and_values_stripped(self):
        self.get(head(206, "CONTENT-RANGE:  bytes 0-299/300  ", 'eTag:"x:y"', "X-Other: 1"))
        self.assertEqual(self.http.headers["content-range"], "bytes 0-299/300")
        self.assertEqual(self.http.headers.get("etag", '"x:y"'), '"x:y"')

    def test_lines_that_end_in_lf_alone_are_understood(self):
        self.get(head().replace(b"\r\n", b"\n"), BODY)
        self.assertEqual(self.body(), BODY)

    def test_head_and_body_split_at_every_byte_are_understood(self):
        data = head(206, "Content-Range: bytes 0-9/10", length=10) + b"0123456789"
        for at in range(1, len(data)):
            self.peer = None
            self.http.close()
            rest = [data[at:]]
            self.clock.on_sleep = lambda: rest and self.peer and self.peer.send(rest.pop())  # noqa: B023
            self.get(data[:at])
            self.assertEqual(self.http.status, 206)
            self.assertEqual(self.body(), b"0123456789")

    def test_answer_byte_by_byte_is_understood(self):
        self.get(*[bytes((byte,)) for byte in head(length=3) + b"abc"])
        self.assertEqual(self.body(), b"abc")

    def test_answer_without_a_length_is_refused(self):
        for length in (
            "",
            "Content-Length:\r\n",
            "Content-Length: x\r\n",
            "Content-Length: -5\r\n",
            "Content-Length: 5, 5\r\n",
        ):
            self.refused(("HTTP/1.1 200 OK\r\n%s\r\n" % length).encode() + BODY, None)

    def test_other_protocols_are_refused(self):
        for line in (
            b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            b"HTTP/2 200\r\n\r\n",
            b"\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 abc\r\n\r\n",
        ):
            self.refused(line)

    def test_header_line_up_to_a_kib_is_read_and_a_longer_one_refused(self):
        self.get(head(200, "X-Long: " + "x" * 900), BODY)
        self.assertEqual(self.body(), BODY)
        self.refused(head(200, "X-Long: " + "x" * 1100))

    def test_line_without_end_is_refused(self):
        self.refused(b"HTTP/1.1 200 " + b"x" * 2000)

    def test_too_many_headers_are_refused(self):
        self.get(head(200, *["X-%d: 1" % i for i in range(60)]), BODY)
        self.assertEqual(self.body(), BODY)
        self.refused(head(200, *["X-%d: 1" % i for i in range(70)]))

    def test_header_that_is_no_utf8_is_passed_over_or_a_download_error(self):
        # A UnicodeError would end the upgrade with step -1 instead of -2.
        try:
            self.get(head()[:-2] + b"Server: caf\xe9\r\n\r\n")
        except DownloadError:
            pass

    def test_end_in_the_head_is_a_link_error(self):
        for data in (b"", b"HTTP/1.1 200 OK\r\nContent-Le", head()[:-2]):
            self.refused(data, None, kind=LinkError)

    def test_silence_is_a_link_error(self):
        start = self.clock.now_ms
        self.refused(b"HTTP/1.1 200 OK\r\n", kind=LinkError)
        self.assertTrue(10_000 <= self.clock.now_ms - start <= 61_000)


class TestConnection(WithServer):
    def test_connection_is_used_again_for_the_same_server(self):
        self.get(head(length=2), b"ab")
        self.assertEqual(self.body(), b"ab")
        self.get(head(length=2), b"cd")
        self.assertEqual(self.body(), b"cd")
        self.assertEqual(self.net.connections, 1)

    def test_connection_with_a_body_left_unread_is_not_used_again(self):
        self.get(head(length=4), b"abcd")
        self.peer = None
        self.get(head(length=2), b"ef")
        self.assertEqual(self.body(), b"ef")
        self.assertEqual(self.net.connections, 2)

    def test_another_port_or_host_gets_a_connection_of_its_own(self):
        self.get(head(length=0))
        self.peer = None
        self.get(head(length=0), url="https://127.0.0.1:18443/x")
        self.assertEqual(self.net.connections, 2)

    def test_close_twice_and_before_use_is_safe(self):
        self.http.close()
        self.http.close()
        self.get(head(length=4), b"abcd")
        self.http.close()
        self.http.close()
        self.assertEqual(self.http.left_bytes, 0)

    def test_request_after_close_connects_anew(self):
        self.get(head(length=0))
        self.http.close()
        self.peer = None
        self.get(head(length=0))
        self.assertEqual(self.net.connections, 2)

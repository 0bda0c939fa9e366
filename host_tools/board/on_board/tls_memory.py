"""What one TLS session takes of the memory outside the Python heap."""

import gc
import socket

import esp32
import network
import tls


def region():
    """[total, free, largest block, lowest free] in bytes of the region that TLS takes its buffers from."""
    gc.collect()
    return list(max(esp32.idf_heap_info(esp32.HEAP_DATA)))


def tls_memory():
    """The region with Wi-Fi on, and with one TLS session beside it, whose buffers need no network."""
    network.WLAN(network.STA_IF).active(True)
    before = region()
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_NONE
    plain = socket.socket()
    try:
        session = context.wrap_socket(
            plain, server_hostname="doctor", do_handshake_on_connect=False
        )
        try:
            return [before, region()]
        finally:
            session.close()
    finally:
        plain.close()

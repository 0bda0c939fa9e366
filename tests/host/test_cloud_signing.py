"""Signatures against the vectors of the protocol description."""

from __future__ import annotations

import pytest

from host_tools.cloud import signing
from host_tools.cloud.signing import ConnectClaim, LoginError

VECTOR_1 = ConnectClaim("123456", "654321", "test", "sha256", "1548753362502", "")


@pytest.mark.parametrize(
    ("claim", "secret", "digest"),
    [
        (VECTOR_1, "abcdefg", "B99032D49C706F7B27B22AB5CD2DD3C56A31E1BCBBC83BA0A2A6BB3272FBB166"),
        (
            ConnectClaim("123456", "654321", "test", "sha1", "1548753362502", ""),
            "abcdefg",
            "53D00561032C47B8555B768A08FDE176A6F0D267",
        ),
        (
            ConnectClaim("123456", "654321", "test", "md5", "1548753362502", ""),
            "abcdefg",
            "B040B0189975E6704DBB2C217189FA3B",
        ),
        (
            ConnectClaim("123", "123", "test", "sha256", "1524448722000", ""),
            "abcdefg",
            "A4F9AD91051E3CA89440E0157029DD358C3A2C556D3C543B9FD5A38484785AC9",
        ),
        (
            ConnectClaim("esp32-01", "pk_demo", "dk_demo", "sha256", "2524608000000", ""),
            "s3cr3t",
            "54DE1214F2759383FEE9C39FAA45BF2E1C62A3F74DA209D4BAB4BC1E790C2A26",
        ),
    ],
    ids=["1", "1b-sha1", "1b-md5", "2", "3"],
)
def test_connect_password_vectors(claim: ConnectClaim, secret: str, digest: str) -> None:
    password = signing.connect_password(claim, secret)
    assert password == digest.lower()
    assert signing.same(password, digest)


def test_sign_no_parameters_vector_4() -> None:
    assert signing.sign({}, "b", "sha1").upper() == "E9D71F5EE7C92D6DC9E92FFDAD17B8BD49418F98"


@pytest.mark.parametrize(
    ("device", "product", "lifetime_ms", "secret", "digest"),
    [
        (
            "dK987654",
            "pK11111",
            300000,
            "abcdefg",
            "49ac3d2598d2fb5592694b077eb073122ed128bae3ac4b9f059ccf5a832e2598",
        ),
        (
            "dk_demo",
            "pk_demo",
            30000,
            "s3cr3t",
            "4af28926c4f7e1e4349d15d37d3b52c507c7172af0edeac1c1b46a2024f4f71a",
        ),
    ],
)
def test_login_sign_vectors(
    device: str, product: str, lifetime_ms: int, secret: str, digest: str
) -> None:
    assert signing.login_sign(product, device, lifetime_ms, secret) == digest


def test_getfile_signs_vector() -> None:
    signs = signing.getfile_signs(
        "AKdemo", "SKdemo", "o15504722874071", "/1b30e0ea83002000/ota/kadak13", "1548753362502"
    )
    assert [digest.upper() for digest in signs] == [
        "96DD0B910DDBFFD5CC9A360E1840C4B25F4DB39B",
        "4FEFB63F39C7188EDA7AEEAE0C2A23505B6C4D40FCDFF8CDA86D55ED3BA7C531",
    ]


def test_parse_connect_vector_1_as_sent() -> None:
    claim = signing.parse_connect(
        "123456|securemode=2,signmethod=sha256,timestamp=1548753362502|", "test&654321", ""
    )
    assert claim == VECTOR_1


@pytest.mark.parametrize(
    "client_id",
    [
        "a|securemode=2, signmethod=sha256, timestamp=1|",
        "a|timestamp=1,securemode=2,compress=DEFAULT,signmethod=sha256|",
    ],
)
def test_parse_connect_blanks_order_and_extras_are_tolerated(client_id: str) -> None:
    claim = signing.parse_connect(client_id, "dk&pk", "p")
    assert (claim.cid, claim.timestamp, claim.hash_name) == ("a", "1", "sha256")


def test_parse_connect_takes_cid_verbatim() -> None:
    cid = "dk{ip=1.2.3.4,version=x,compress=DEFAULT}"
    client_id = cid + "|securemode=2,signmethod=sha256,timestamp=1553.5|"
    assert signing.parse_connect(client_id, "dk&pk", "p").cid == cid


@pytest.mark.parametrize(
    ("client_id", "user"),
    [
        ("plain", "dk&pk"),
        ("a|securemode=2,signmethod=sha256,timestamp=1", "dk&pk"),
        ("a|securemode=3,signmethod=sha256,timestamp=1|", "dk&pk"),
        ("a|signmethod=sha256,timestamp=1|", "dk&pk"),
        ("a|securemode=2,signmethod=sha512,timestamp=1|", "dk&pk"),
        ("a|securemode=2,signmethod=sha256|", "dk&pk"),
        ("a|securemode=2,signmethod=sha256,timestamp=1|", "dk"),
        ("a|securemode=2,signmethod=sha256,timestamp=1|", "&pk"),
        ("a|securemode=2,signmethod=sha256,timestamp=1|", None),
    ],
)
def test_parse_connect_other_forms_are_refused(client_id: str, user: str | None) -> None:
    with pytest.raises(LoginError):
        signing.parse_connect(client_id, user, "p")

"""What a power cut cost is read from the slot and from where the next download began."""

from __future__ import annotations

from .twice import Cut, fetched_twice, starts

BOOTS = [(0.0, "ota_0"), (11.0, "ota_0"), (21.0, "ota_0"), (30.0, "ota_1")]


def test_starts_are_read_from_the_stand_ins_log():
    told = [
        (1.0, "pk/board", "HTTP login"),
        (2.0, "pk/board", "fetched 1.1.0, bytes 0-8191: connection lost"),
        (3.0, "file", "fetched 1.1.0, bytes 4096-9999"),
    ]
    assert starts(told, {"1.1.0": 10_000}) == [(2.0, 0), (3.0, 4096)]


def test_starts_do_not_count_the_tail_that_is_judged_first():
    told = [
        (1.0, "pk/board", "fetched 1.1.0, bytes 91808-99999"),
        (2.0, "pk/board", "fetched 1.1.0, bytes 0-99999"),
        (3.0, "pk/board", "fetched 1.2.0, bytes 91808-199999"),
    ]
    assert starts(told, {"1.1.0": 100_000, "1.2.0": 200_000}) == [(2.0, 0), (3.0, 91808)]


def test_fetched_twice_is_what_lies_before_the_cut_and_after_the_next_begin():
    fetches = [(10.1, 0), (20.1, 65_536), (25.0, 131_072)]
    cuts = [Cut(10.0, 90_112), Cut(20.0, 131_072)]
    assert fetched_twice(cuts, BOOTS, fetches, "ota_0") == [24_576, 0]


def test_fetched_twice_cut_after_the_last_byte_costs_nothing():
    cuts = [Cut(20.0, 1_000_000)]
    assert fetched_twice(cuts, BOOTS, [(20.1, 0), (31.0, 0)], "ota_0") == [0]
    assert fetched_twice(cuts, BOOTS, [(20.1, 0)], "ota_0") == [0]


def test_fetched_twice_two_cuts_before_one_download_cost_once():
    cuts = [Cut(10.0, 90_112), Cut(20.0, 90_112)]
    assert fetched_twice(cuts, BOOTS, [(25.0, 65_536)], "ota_0") == [0, 24_576]

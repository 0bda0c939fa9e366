"""Named inputs that were found by fuzzing, or that parsers are known to stumble over.

Each stands in tests/vectors/fuzz, with what it is in its first line. The word that a test expects is how the
target's module took it, or the declared error.
"""

from __future__ import annotations

from pathlib import Path

from . import campaign

RELEASE = (Path(__file__).parent.parent / "vectors" / "release-signed.bin").read_bytes()
TOPIC = b"/sys/pk_demo/dk_demo/ota/device/upgrade"


def test_vectors_each_belongs_to_a_target_and_to_a_test():
    tests = Path(__file__).read_text()
    for file in campaign.VECTORS.glob("*.hex"):
        assert file.stem.partition("-")[0] in campaign.targets()
        assert f'"{file.stem}"' in tests


# MQTT


def test_session_topic_that_is_no_utf8_is_dropped(taken):
    assert taken("session-topic-no-utf8") == "offers"


def test_session_id_that_no_json_holds_is_answered_in_json(taken):
    assert taken("session-id-no-json") == "upgrade"


def test_session_id_nested_too_deep_is_answered_or_dropped(taken):
    assert taken("session-id-nested") in ("upgrade", "offers")


def test_session_payload_nested_beyond_memory_is_dropped(taken):
    assert taken("session-payload-nested") == "offers"


def test_session_payload_too_large_ends_the_connection(taken):
    assert taken("session-large", *_pushed(16_385)) == "LinkError"


def test_session_payload_as_large_as_may_be_is_dropped(taken):
    assert (
        taken("session-large", *_pushed(16_384)) == "LinkError"
    )  # no answer to the requests follows


def _pushed(size_bytes: int) -> list[bytes]:
    body = len(TOPIC).to_bytes(2, "big") + TOPIC + b" " * size_bytes
    length = bytes((len(body) & 0x7F | 0x80, len(body) >> 7 & 0x7F | 0x80, len(body) >> 14))
    return [b"\2\0", b"\x20\2\0\0", b"\x90\6\0\1\1\1\1\1\x30" + length + body]


def test_session_length_without_an_end_ends_the_connection(taken):
    assert taken("session-length-endless") == "LinkError"


def test_session_topic_longer_than_its_packet_ends_the_connection(taken):
    assert taken("session-topic-beyond-packet") == "LinkError"


def test_session_packet_without_its_id_ends_the_connection(taken):
    assert taken("session-packet-id-missing") == "LinkError"


def test_session_acknowledgements_nobody_waits_for_are_passed_over(taken):
    assert taken("session-acks-unsolicited") == "offers"


def test_session_pingresp_with_a_body_ends_the_connection(taken):
    assert taken("session-pingresp-long") == "LinkError"


def test_session_connack_without_a_body_is_no_answer(taken):
    assert taken("session-connack-empty") == "LinkError"


def test_session_flood_does_not_keep_a_request_beyond_its_time(taken):
    assert taken("session-flood") == "LinkError"


# What NVS and otadata hold


def test_alone_reason_that_is_no_utf8_lets_the_agent_go_first(taken):
    assert taken("alone-why-no-utf8") == "agent"


def test_alone_tries_that_are_a_text_do_not_stop_the_boot(taken):
    taken("alone-tries-text")


def test_lookback_reason_that_is_no_utf8_has_its_last_word(taken):
    assert taken("lookback-why-no-utf8") == "word"


def test_lookback_boots_that_are_a_text_are_still_a_trial(taken):
    assert taken("lookback-boots-text") == "trial"


def test_lookback_sequence_larger_than_an_integer_of_nvs_has_its_last_word(taken):
    assert taken("lookback-sequence-large") == "word"


def test_lookback_entry_that_is_pending_behind_a_valid_one_is_no_trial(taken):
    assert taken("lookback-pending-before-valid") == "nothing"


def test_boot_watchdog_longer_than_the_chip_counts_leaves_the_trial_its_own(taken):
    assert taken("boot-watchdog-too-long") == "slot"


def test_boot_image_of_endless_segments_leaves_the_rescue_copy_to_run(taken):
    assert taken("boot-image-endless") == "rescue"


def test_claim_more_blocks_than_the_slot_has_begins_anew(taken):
    assert taken("claim-blocks-beyond-slot") == "begun"


def test_claim_size_beyond_the_slot_begins_anew(taken):
    assert taken("claim-size-beyond-slot") == "begun"


def test_claim_negative_size_begins_anew(taken):
    assert taken("claim-size-negative") == "begun"


def test_claim_unknown_field_that_is_nested_does_not_stop_it(taken):
    assert taken("claim-unknown-nested") == "begun"


def test_claim_resets_that_are_null_go_on(taken):
    assert taken("claim-resets-null") == "resumed"


# Commands


def test_orders_wide_command_kept_leaves_memory_for_the_next(taken):
    taken("orders-params-wide")


def test_orders_command_too_deep_to_be_written_is_obeyed(taken):
    taken("orders-params-deep")


def test_orders_unfinished_command_without_a_digest_is_obeyed(taken):
    taken("orders-unfinished-without-sign")


def test_orders_stale_command_without_a_version_is_obeyed(taken):
    taken("orders-stale-without-version")


def test_orders_time_that_is_a_text_is_obeyed(taken):
    taken("orders-at-text")


def test_orders_brackets_kept_as_a_command_do_not_stop_the_next(taken):
    taken("orders-next-brackets")


def test_orders_nested_field_of_a_kept_command_does_not_stop_it(taken):
    assert taken("orders-next-nested") == "upgrade"


def test_orders_hook_that_answers_nan_does_not_lose_the_command(taken):
    taken("orders-hook-nan")


# Files on the board


def test_settings_key_that_is_a_number_does_not_stop_the_agent(taken):
    assert taken("settings-key-no-text") == "settings"


def test_settings_damaged_are_read_from_the_copy(taken):
    assert taken("settings-damaged") == "settings"


def test_settings_nested_beyond_memory_are_read_from_the_copy(taken):
    assert taken("settings-nested") == "settings"


def test_settings_watchdog_longer_than_the_chip_counts_is_refused(taken):
    assert taken("settings-watchdog-too-long") == "refused"


def test_settings_list_of_what_does_not_belong_there_is_refused(taken):
    assert taken("settings-hosts-number") == "refused"
    assert taken("settings-ca-number") == "refused"
    assert taken("settings-wifi-text") == "refused"


def test_settings_keepalive_longer_than_mqtt_knows_is_refused(taken):
    assert taken("settings-keepalive-too-long") == "refused"


def test_trust_nested_beyond_memory_leaves_the_settings(taken):
    assert taken("trust-nested") == "as set"


def test_trust_unknown_field_that_is_nested_does_not_keep_it_from_being_kept(taken):
    assert taken("trust-unknown-nested") == "extended"


def test_trust_of_forty_revoked_keys_still_counts(taken):
    assert taken("trust-revoked-40") == "extended"


# Clock


def test_date_beyond_the_chips_clock_is_none(taken):
    assert taken("date-2199") == "none"
    assert taken("date-2068") == "none"


def test_clock_date_beyond_it_is_not_set(taken):
    taken("clock-date-2199")


def test_clock_day_in_nvs_beyond_it_is_not_set(taken):
    taken("clock-day-damaged")


def test_clock_build_time_beyond_it_is_not_set(taken):
    taken("clock-floor-2106")


# HTTP


def test_http_two_lengths_are_refused(taken):
    assert taken("http-length-twice") == "DownloadError"


def test_http_length_and_chunks_are_refused(taken):
    assert taken("http-length-and-chunks") == "DownloadError"


def test_http_chunk_of_negative_or_huge_size_is_refused(taken):
    assert taken("http-chunk-negative") == "DownloadError"
    assert taken("http-chunk-huge") == "DownloadError"


def test_http_line_without_an_end_is_refused(taken):
    assert taken("http-line-endless") == "DownloadError"


def test_http_headers_trailers_and_continues_without_an_end_are_refused(taken):
    for name in ("http-headers-endless", "http-trailers-endless", "http-continues-endless"):
        assert taken(name) == "DownloadError"


def test_http_status_that_is_no_number_is_refused(taken):
    assert taken("http-status-no-number") == "DownloadError"


def test_login_brackets_beyond_memory_are_refused(taken):
    assert taken("login-brackets") == "DownloadError"


def test_source_port_that_is_no_port_is_refused(taken):
    assert taken("source-port-huge") == "DownloadError"


def test_source_redirect_elsewhere_is_refused(taken):
    assert taken("source-redirect-elsewhere") == "DownloadError"
    assert taken("source-redirect-user") == "DownloadError"
    assert taken("source-redirect-blank") == "DownloadError"


def test_source_redirect_to_itself_is_refused(taken):
    assert taken("source-redirect-endless") == "DownloadError"


def test_source_range_that_was_not_asked_for_is_refused(taken):
    assert taken("source-range-another") == "DownloadError"


# Releases


def _upgrade(file: bytes) -> list[bytes]:
    flags = bytes(4)  # a signature is required, sha256, the right size, no downgrade
    return [b"\0\0", flags, bytes(240), file]


def _changed(at: int) -> bytes:
    return RELEASE[:at] + bytes((RELEASE[at] ^ 1,)) + RELEASE[at + 1 :]


def test_upgrade_signed_release_is_switched_to(taken):
    assert taken("upgrade-signed", *_upgrade(RELEASE)) == "switched"


def test_upgrade_release_without_its_signature_is_refused(taken):
    assert taken("upgrade-not-signed", *_upgrade(RELEASE[:8192])) == "VerifyError"


def test_upgrade_release_with_one_bit_changed_is_refused(taken):
    for at in (300, 4096 + 112, 8192 + 4, 8192 + 100, 8192 + 900, 8192 + 1196):
        assert taken("upgrade-changed", *_upgrade(_changed(at))) == "VerifyError", at


def test_der_length_beyond_the_certificate_is_refused(taken):
    assert taken("der-length-beyond") == "ValueError"
    assert taken("der-empty") == "ValueError"


def test_log_text_that_moves_the_cursor_is_shown_in_one_line(taken):
    assert taken("log-escape") == "shown"

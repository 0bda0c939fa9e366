"""What EnOS may command, as far as the stand-in sends it; the unit tests know more."""

from __future__ import annotations

from host_tools.demo.rig import Rig


def test_application_waiting_for_an_upgrade_to_what_runs_is_only_informed_again(tmp_path, releases):
    with Rig(tmp_path) as rig:
        rig.start(releases["1.0.0"])
        rig.cloud.set_fault("cmd_version", value="1.0.0")
        rig.push(releases["1.1.0"], "1.1.0")
        rig.wait("a second inform", lambda: len(rig.messages("inform")) == 2)
        assert rig.messages("upgrade_reply")[0]["payload"]["code"] == 200
        assert rig.messages("progress") == []
        assert {m["payload"]["params"]["version"] for m in rig.messages("inform")} == {"1.0.0"}

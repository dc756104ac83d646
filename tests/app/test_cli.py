"""The command line, as a process: what it prints, where, and its exit status."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from live_server.peer import KEY as SERVER_KEY
from live_server.peer import running
from live_server.stage import ScriptedMind
from support.http_service import Reply, serving

from satellite.core.commands import PastTurn, Role
from satellite.core.events import Event, ResumptionUpdated, SessionOpened, TurnCompleted
from satellite.live.link import LiveLink
from satellite.settings import LiveSettings

SECRET = "not-a-real-key-0123456789"


def satellite(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "satellite.cli", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
        check=False,
    )


def test_version() -> None:
    assert satellite("--version").stdout.startswith("satellite 0.")


@pytest.mark.parametrize("command", ["run", "check", "serve", "devices", "token"])
def test_every_command_explains_itself(command: str) -> None:
    result = satellite(command, "--help")
    assert result.returncode == 0
    assert command in satellite("--help").stdout


def test_check_prints_the_configuration_and_masks_secrets() -> None:
    result = satellite("check", "--set", "audio.volume_percent=12", SATELLITE_LIVE__API_KEY=SECRET)
    assert result.returncode == 0
    assert "volume_percent = 12" in result.stdout
    assert SECRET not in result.stdout + result.stderr


def test_a_wrong_configuration_is_78_with_file_key_and_expectation(tmp_path: Path) -> None:
    file = tmp_path / "satellite.toml"
    file.write_text("[gate]\nhangover_ms = -1\n")
    for command in ("check", "run", "serve"):
        result = satellite(command, "--config", str(file))
        assert result.returncode == 78
        expected = f"satellite: {file}:2: gate.hangover_ms: expected greater than or equal to 0, got -1\n"
        assert result.stderr == expected


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_url_that_would_show_the_key_is_78(command: str) -> None:
    result = satellite(command, "--set", "live.base_url=http://example.org", SATELLITE_LIVE__API_KEY=SECRET)
    assert result.returncode == 78
    assert "live.base_url" in result.stderr
    assert SECRET not in result.stderr


def test_without_a_key_the_real_thing_is_78_and_says_what_to_do() -> None:
    result = satellite("run", SATELLITE_LIVE__API_KEY="")
    assert result.returncode == 78
    assert "SATELLITE_LIVE__API_KEY" in result.stderr
    assert "--substitute" in result.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"SATELLITE_LIVE__TOKEN__VALUE": "two words"},
        {"SATELLITE_LIVE__TOKEN__VALUE": f"auth_tokens/{SECRET}", "SATELLITE_LIVE__API_KEY": SECRET},
        {"SATELLITE_LIVE__TOKEN__URL": "http://tokens.example"},
        {"SATELLITE_LIVE__BACKEND": "vertex", "SATELLITE_LIVE__VERTEX__CREDENTIALS_FILE": "/nowhere.json"},
        {"SATELLITE_LIVE__BACKEND": "vertex", "SATELLITE_LIVE__VERTEX__LOCATION": "no where"},
        {"SATELLITE_LIVE__BACKEND": "vertex", "SATELLITE_LIVE__MODEL": "models/gemini-3.8-live"},
        {"SATELLITE_LIVE__MODEL": "projects/p/locations/l/publishers/google/models/gemini-3.8-live"},
        {"SATELLITE_LIVE__LANGUAGE": "de-DE"},
        {"SATELLITE_LIVE__SYSTEM_INSTRUCTION_FILE": "/nowhere.txt"},
        {"SATELLITE_TOOLS__BUILTIN": "no_such_tool"},
    ],
)
def test_check_finds_what_only_the_link_would_have_found(environment: dict[str, str]) -> None:
    result = satellite("check", **environment)
    assert result.returncode == 78
    assert result.stdout == ""
    assert result.stderr.startswith(("satellite: live.", "satellite: tools."))
    assert SECRET not in result.stderr
    assert "two words" not in result.stderr


def test_check_warns_of_a_model_that_nobody_knows_and_goes_on() -> None:
    result = satellite("check", "--set", "live.model=gemini-9-live")
    assert result.returncode == 0
    assert result.stderr == "live.model gemini-9-live is unknown: treated like 3.8 native audio\n"
    assert 'model = "gemini-9-live"' in result.stdout


def test_check_shows_how_a_translation_is_asked_for_and_takes_it() -> None:
    translate = ("--set", "live.model=gemini-3.5-live-translate-preview")
    refused = satellite("check", *translate)
    assert refused.returncode == 78
    extra = refused.stderr.partition("live.extra_setup = ")[2].strip().strip("'")
    assert satellite("check", *translate, SATELLITE_LIVE__EXTRA_SETUP=extra).returncode == 0


# ---------------------------------------------------------------- token mint


def test_mint_prints_the_token_and_nothing_else() -> None:
    with serving(lambda asked: Reply(200, {"name": "auth_tokens/abc"})) as service:
        at = {"SATELLITE_LIVE__BASE_URL": service.url, "SATELLITE_LIVE__API_KEY": SECRET}
        result = satellite("token", "mint", "--uses", "0", "--expires-in", "60", "--start-within", "30", **at)
        assert (result.returncode, result.stdout, result.stderr) == (0, "auth_tokens/abc\n", "")
        body = json.loads(service.asked[0].body)
        assert body["uses"] == 0
        assert sorted(body) == ["expireTime", "newSessionExpireTime", "uses"]
        shown = json.loads(satellite("token", "mint", "--json", **at).stdout)
        assert shown == {"uses": 1, "name": "auth_tokens/abc"}


def test_mint_locks_the_configured_setup() -> None:
    with serving(lambda asked: Reply(200, {"name": "auth_tokens/abc"})) as service:
        at = {"SATELLITE_LIVE__BASE_URL": service.url, "SATELLITE_LIVE__API_KEY": SECRET}
        sets = ("--set", "live.voice=Kore", "--set", "satellite.room=kitchen", "--set", "tools.builtin=get_time")
        instruction = {"SATELLITE_LIVE__SYSTEM_INSTRUCTION": "You are in the {room}."}
        for lock in (("--lock",), ("--lock-field",), ("--lock-field", "temperature", "seed")):
            assert satellite("token", "mint", *lock, *sets, **at, **instruction).returncode == 0
        whole, present, named = (json.loads(asked.body) for asked in service.asked)
    setup = whole["bidiGenerateContentSetup"]
    assert setup["model"] == "models/gemini-3.8-live"
    assert setup["generationConfig"]["speechConfig"]["voiceConfig"]["prebuiltVoiceConfig"] == {"voiceName": "Kore"}
    assert setup["systemInstruction"]["parts"] == [{"text": "You are in the kitchen."}]
    assert [one["name"] for one in setup["tools"][0]["functionDeclarations"]] == ["get_time"]
    assert setup == present["bidiGenerateContentSetup"] == named["bidiGenerateContentSetup"]
    assert "fieldMask" not in whole
    mask = present["fieldMask"].split(",")
    assert {"model", "generationConfig.speechConfig", "systemInstruction.parts"} < set(mask)
    assert named["fieldMask"].split(",") == [*mask, "generationConfig.temperature", "generationConfig.seed"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--uses", "-1"), "--uses"),
        (("--expires-in", "72000"), "--expires-in"),
        (("--expires-in", "soon"), "--expires-in"),
        (("--start-within", "72000"), "--start-within"),
        (("--lock", "--lock-field", "model"), "--lock"),
        (("--lock-field", "temprature"), "temprature"),
    ],
)
def test_mint_refuses_wrong_usage_before_it_asks(arguments: tuple[str, ...], said: str) -> None:
    with serving(lambda asked: Reply(200, {"name": "auth_tokens/abc"})) as service:
        at = {"SATELLITE_LIVE__BASE_URL": service.url, "SATELLITE_LIVE__API_KEY": SECRET}
        result = satellite("token", "mint", *arguments, **at)
    assert (result.returncode, result.stdout, service.asked) == (2, "", [])
    assert said in result.stderr


@pytest.mark.parametrize(
    ("reply", "status", "said"),
    [
        (Reply(400, {"error": {"message": "API key not valid."}}), 78, "live.api_key"),
        (Reply(503, {"error": {"message": "busy"}}), 1, "HTTP 503: busy"),
    ],
)
def test_mint_that_gets_no_token_says_why(reply: Reply, status: int, said: str) -> None:
    with serving(lambda asked: reply) as service:
        at = {"SATELLITE_LIVE__BASE_URL": service.url, "SATELLITE_LIVE__API_KEY": SECRET}
        result = satellite("token", "mint", **at)
    assert (result.returncode, result.stdout) == (status, "")
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert SECRET not in result.stderr


def test_a_locked_setup_announces_the_history_so_that_it_is_not_answered() -> None:
    mind = ScriptedMind()

    async def main() -> None:
        arrived: asyncio.Queue[Event] = asyncio.Queue()
        async with running(assistant=mind) as (_, port):
            url = f"http://127.0.0.1:{port}"
            at = {"SATELLITE_LIVE__BASE_URL": url, "SATELLITE_LIVE__API_KEY": SERVER_KEY}
            minted = await asyncio.to_thread(satellite, "token", "mint", "--lock", "--uses", "2", **at)
            assert (minted.returncode, minted.stderr) == (0, "")
            live = LiveSettings.model_validate({"base_url": url, "token": {"value": minted.stdout.strip()}})
            link = LiveLink(live, activity_manual=True, post=arrived.put_nowait, jitter=lambda: 0.0)
            link.open(1, None, (PastTurn(Role.USER, "my name is Ada"), PastTurn(Role.MODEL, "Hello, Ada.")))
            assert await arrived.get() == SessionOpened(1)
            update = await arrived.get()  # a handle that covers the history, and no reply to it
            assert isinstance(update, ResumptionUpdated)
            assert update.handle
            assert mind.asked == []
            link.send_text(1, "what is my name")
            while not isinstance(await arrived.get(), TurnCompleted):
                continue
            link.close(1)
            link.open(2, None)
            while not isinstance(event := await arrived.get(), TurnCompleted):
                if event == SessionOpened(2):
                    link.send_text(2, "what time is it")
            await link.shutdown()

    asyncio.run(asyncio.wait_for(main(), 60))
    assert mind.asked == ["what is my name", "what time is it"]


def test_nothing_is_announced_where_no_history_is_told() -> None:
    with serving(lambda asked: Reply(200, {"name": "auth_tokens/abc"})) as service:
        at = {"SATELLITE_LIVE__BASE_URL": service.url, "SATELLITE_LIVE__API_KEY": SECRET}
        for changed in ("voice=Kore", "context.seed_history=false", "model=gemini-live-2.5-flash-preview"):
            assert satellite("token", "mint", "--lock", "--set", f"live.{changed}", **at).returncode == 0
        setups = [json.loads(asked.body)["bidiGenerateContentSetup"] for asked in service.asked]
    assert [setup.get("historyConfig") for setup in setups] == [{"initialHistoryInClientContent": True}, None, None]


def test_mint_without_a_key_is_78() -> None:
    result = satellite("token", "mint", SATELLITE_LIVE__API_KEY="")
    assert result.returncode == 78
    assert "SATELLITE_LIVE__API_KEY" in result.stderr


def test_mint_shows_how_it_is_used() -> None:
    shown = satellite("token", "mint", "--help").stdout
    for word in (
        "examples:",
        "satellite token mint --lock ",
        "--expires-in",
        "[live.token]",
        "command =",
        "freezes {date}",
    ):
        assert word in shown


def test_the_daemon_on_hardware_imports_nothing_embedded() -> None:
    code = "import sys, satellite.app.running; print(*sys.modules, sep='\\n')"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    embedded = ("satellite.simroom", "satellite.live_server", "ctranslate2", "pocketsphinx", "google")
    assert [name for name in modules.splitlines() if name.startswith(embedded)] == []


@pytest.mark.parametrize("option", [("--paid",), ("--stay",), ("--recording", "x.wav")])
def test_what_belongs_to_substitute_is_refused_without_it(option: tuple[str, ...]) -> None:
    result = satellite("run", *option)
    assert result.returncode == 2
    assert option[0] in result.stderr


def test_a_terminal_that_cannot_show_a_character_gets_another() -> None:
    result = satellite("check", "--set", "satellite.name=日本", PYTHONIOENCODING="latin-1")
    assert result.returncode == 0
    assert 'name = "??"' in result.stdout


def test_a_recording_that_cannot_be_made_is_told_before_anything_starts() -> None:
    result = satellite("run", "--substitute", "--recording", "/nowhere/x.wav")
    assert result.returncode == 1
    assert result.stderr == "satellite: [Errno 2] No such file or directory: '/nowhere/x.wav'\n"


def test_an_address_that_cannot_be_listened_on_is_named() -> None:
    result = satellite("serve", "--host", "192.0.2.1", "--port", "0")
    assert result.returncode == 1
    assert "192.0.2.1:0" in result.stderr


def test_a_port_that_is_none_is_78() -> None:
    result = satellite("serve", "--port", "eighty")
    assert result.returncode == 78
    assert "--port" in result.stderr

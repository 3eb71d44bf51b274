import asyncio
import json
import sys

from parley_conformance.launch import PROCESSES

SHOW = "import json, os, sys; print(json.dumps([os.environ.get('PARLEY_KIT'), *sys.argv[1:]]), flush=True)"


async def test_an_adapter_is_told_where_the_kit_is(tmp_path):
    log = tmp_path / "caller.log"
    child = await PROCESSES.adapter([sys.executable, "-c", SHOW], name="caller", log=log, port=4711)
    assert await child.wait() == 0
    assert json.loads(log.read_text()) == ["127.0.0.1:4711"]


async def test_a_launcher_gets_its_settings_and_a_folder_for_the_data(tmp_path):
    settings = {"listen": "127.0.0.1:1", "max_attempts": 3}
    child = await PROCESSES.broker([sys.executable, "-c", SHOW], settings, tmp_path)
    given = json.loads(json.loads(await child.first_line())[1])
    assert given == {**settings, "data_dir": str(tmp_path / "data")}
    assert await child.wait() == 0


async def test_one_process_is_asked_to_end_and_measured(tmp_path):
    wait = "import signal, time; print('up', flush=True); time.sleep(60)"
    child = await PROCESSES.broker([sys.executable, "-c", wait], {}, tmp_path)
    try:
        assert await child.first_line() == b"up\n"
        pid = child.process.pid
        assert child.runs(pid)
        assert await child.resident_bytes(pid) > 1 << 20
        await child.ask_to_end(pid)
        assert await asyncio.wait_for(child.wait(), 10) == -15
        assert not child.runs(pid)
        # Who ended already is left alone.
        await child.ask_to_end(pid)
    finally:
        await child.end()

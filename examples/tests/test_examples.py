from __future__ import annotations

from collections import Counter

from programs import Run


def test_worker_and_coordinator(run: Run) -> None:
    worker = run("worker_coordinator/worker.py")
    worker.line("Worker is ready")
    coordinator = run("worker_coordinator/coordinator.py")
    assert coordinator.line("Worker completed") == "Worker completed: Processed task task-1"
    assert coordinator.stop() == ["Worker completed: Processed task task-1"]
    assert worker.stop() == ["Worker is ready"]


def test_custom_serializer(run: Run) -> None:
    receiver = run("custom_serializer/receiver.py")
    receiver.line("Receiver is ready")
    reply, refused = run("custom_serializer/sender.py").end()
    assert reply == "Reply: MyMessage(field1='HELLO', field2=2)"
    assert refused.startswith("Refused: MALFORMED_PAYLOAD: ")
    assert "my_message_v1" in refused
    assert receiver.stop()[1:] == ["Received: MyMessage(field1='hello', field2=1)"]


def test_protobuf(run: Run) -> None:
    worker = run("protobuf/worker.py")
    worker.line("Worker is ready")
    assert run("protobuf/caller.py").end() == ["Reply: TaskResponse(task_id='task-1', result='dishes done')"]
    worker.stop()


def test_timeout(run: Run) -> None:
    worker = run("timeout/worker.py")
    worker.line("Worker is ready")
    assert run("timeout/handler.py").end() == [
        "Response(result='fast done')",
        "ErrorResponse(error='Request timed out')",
    ]
    worker.line("Cancelled by the caller")
    worker.stop()


def test_publish_and_subscribe(run: Run) -> None:
    subscriber = run("publish_subscribe/subscriber.py")
    subscriber.line("Subscriber is ready")
    publisher = run("publish_subscribe/publisher.py")
    subscriber.line("Received event: something happened")
    assert publisher.stop() == []
    assert subscriber.stop().count("Received event: something happened") == 1


def test_load_balancing(run: Run) -> None:
    workers = [run("load_balancing/worker.py", str(number)) for number in (1, 2, 3)]
    for worker in workers:
        worker.line("Worker is ready")
    lines = run("load_balancing/caller.py").end()
    first, second = ([line.partition(": ")[2] for line in lines if line.startswith(f"Round {n}")] for n in (1, 2))
    assert first == second
    assert Counter(line.partition(" in ")[2] for line in first) == {f"process {number}": 3 for number in (1, 2, 3)}
    for worker in workers:
        worker.stop()


def test_state_survives_the_end_of_a_process(run: Run) -> None:
    worker = run("state/worker.py")
    worker.line("Worker is ready")
    assert run("state/caller.py", "milk", "two").end() == ["Notes: {'milk': 'two'}"]
    worker.close()  # killed
    worker = run("state/worker.py")
    worker.line("Worker is ready")
    assert run("state/caller.py", "eggs", "six").end() == ["Notes: {'milk': 'two', 'eggs': 'six'}"]
    assert worker.stop() == ["Worker is ready", "Agent restored with state: {'milk': 'two'}"]
    worker = run("state/worker.py")  # this time it was handed over in order
    worker.line("Worker is ready")
    assert run("state/caller.py", "milk", "none").end() == ["Notes: {'milk': 'none', 'eggs': 'six'}"]
    worker.stop()

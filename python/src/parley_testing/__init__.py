"""For tests of programs that use Parley: a broker in the test's process, or as a process of its own.

With pytest: `pytest_plugins = ["parley_testing.fixtures"]` gives the fixtures `parley_broker` and
`parley_broker_process`.
"""

from parley_testing._in_process import InProcessBroker
from parley_testing._process import BrokerProcess

__all__ = ["BrokerProcess", "InProcessBroker"]

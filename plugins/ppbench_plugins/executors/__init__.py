from ppbench import hookimpl
from ppbench_plugins.executors.offline import Offline


@hookimpl
def ppbench_executors() -> tuple[type, ...]:
    return (Offline,)

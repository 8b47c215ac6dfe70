"""What a process of this folder's is to be."""

import json
import sys


def be(kind: str, argument: str) -> None:
    """Be what the host says, to the end.

    zygote  serves the host over a line: `argument` is its descriptor, a comma, and `namespaces` or `plain`
    spawn   a guest at once: the file that holds its order
    launch  the parent of a program that is not Python: JSON, see `launch`
    execute a program beside a guest's agent: descriptors, see `execute`
    check   says what is wrong with an entry file: JSON with it and the folders that it imports from
    probe   finds out whether a guest can be isolated: JSON with the members of a `namespaces.Plan`
    """
    if kind == "zygote":
        from . import ripening

        ripening.serve(argument)
    elif kind == "spawn":
        from . import boot, channel

        with open(argument, encoding="utf-8") as file:
            order = channel.Order(**json.load(file))
        boot.run(order)
    elif kind == "launch":
        from . import launch

        launch.launch(argument)
    elif kind == "execute":
        from . import execute

        execute.execute(argument)
    elif kind == "check":
        from . import imports

        problem = imports.problem(*json.loads(argument))
        if problem is not None:
            sys.exit(problem)
    elif kind == "probe":
        from . import namespaces

        namespaces.probe(namespaces.Plan(**json.loads(argument)))

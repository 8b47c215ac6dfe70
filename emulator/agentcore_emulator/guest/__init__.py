"""What runs inside a microVM: started with the agent's interpreter, from the standard library alone (Python 3.10 on).

The host starts this folder as a program (`python …/guest zygote …`). Its modules then load under the private
package name `agentcore_guest`, so that nothing of the emulator appears among the agent's importable names.

    __main__   checks the interpreter, gives the folder its private name, hands over
    kinds      what a process of this folder's is to be
    ripening   runs a zygote, which on platform version V2 goes on to run the agent itself
    zygote     forks one guest per session, from a process that has the heavy packages imported or runs the agent
    boot       turns this process into the guest: environment, folders, then the entry file as `__main__`
    namespaces gives a guest files, process ids and a host name of its own
    kernel     what Linux offers and Python 3.10 does not
    snapshot   the moment from which every session of platform version V2 goes on
    restore    makes a forked process what a restored snapshot would be
    traps      what an agent does before the snapshot that every session will share
    listen     leads the agent's server to the host's sockets, whatever port the code names
    idle       lets an idle uvicorn sleep
    guest_time lets the agent see the emulator's time
    launch     starts a program that is not Python as a guest
    execute    runs a command or a shell in a guest, beside its agent
    limits     gives it what a microVM has of processors and memory
    link       the line to the host: what the guest reports, what the host asks
    channel    packets with descriptors between host and zygote
    quirks     puts the quirks into the agent's SDK
    watch      where a quirk was met, and the report of it
    payload    the `payload-type` quirk
    encoding   the `double-encoding`, `stream-double-encoding` and `generator` quirks
    debug      gives `breakpoint()` the emulator's terminal
    serve      finds the ASGI app of an entry file that ends without serving
    imports    what the entry file imports, and which modules a zygote should hold
    hooks      runs a function when a module has been imported
"""

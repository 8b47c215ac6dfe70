"""`InvokeAgentRuntimeCommandShell`: terminals in sessions, over WebSocket.

AWS developer guide, "Interactive shells (terminals)", and the SDK's client, `bedrock_agentcore/runtime/shell/`.

    door          lets a client in, and finds or starts its shell
    conversation  one client at one shell, with all that can end it
    shell         one shell, and what it has printed last
    connection    a WebSocket, frame by frame
    framing       what the frames say
"""

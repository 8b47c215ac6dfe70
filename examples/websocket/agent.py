"""A WebSocket agent: it counts what is said in the session, over all of its connections, and answers in capitals."""

from bedrock_agentcore import BedrockAgentCoreApp

app = BedrockAgentCoreApp()

said = 0


@app.websocket
async def talk(websocket, context):
    """Answer each message until the client says goodbye."""
    global said
    await websocket.accept()
    async for message in websocket.iter_json():
        if message.get("text") == "goodbye":
            await websocket.send_json({"text": "Goodbye!"})
            await websocket.close()
            return
        said += 1
        await websocket.send_json({"said": said, "text": message["text"].upper(), "session": context.session_id})


if __name__ == "__main__":
    app.run()

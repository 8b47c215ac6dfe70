"""An A2A agent on AgentCore: a notebook that lasts as long as its session.

agentcore-emulator start examples/a2a
"""

from a2a.helpers import new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.tasks import TaskUpdater
from bedrock_agentcore.runtime import serve_a2a

notes: list[str] = []


class Notebook(AgentExecutor):
    """Takes down each message, and answers with all of them, each as an artifact of its own."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        """Answer one message."""
        notes.append(context.get_user_input())
        task = context.current_task or new_task_from_user_message(context.message)
        await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, task.id, task.context_id)
        await updater.start_work()
        for note in notes:
            await updater.add_artifact([new_text_part(note)])
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """It is done before it could be cancelled."""
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


if __name__ == "__main__":
    serve_a2a(Notebook())

// The agent in a lab's container, over one stream of the engine's.
import type { Socket } from 'node:net'
import { agentOver, type Agent, type Transport } from '../namespaces/agent.ts'
import { script } from '../namespaces/script.ts'
import { demux, type Engine } from './engine.ts'

/** Bound: unless something is released, the container ends with this process. */
export async function openAgent(engine: Engine, container: string, options: { readonly bound?: boolean } = {}): Promise<Agent> {
  const { Id } = await engine.call<{ Id: string }>('POST', `/containers/${container}/exec`, {
    body: {
      AttachStdin: true, AttachStdout: true, AttachStderr: true, Tty: false,
      Cmd: ['/usr/bin/perl', '-e', script('agent.pl'), script('enter.pl'), script('find.pl'), ...(options.bound ? ['bound'] : [])],
    },
  })
  return agentOver(overSocket(await engine.takeOver(`/exec/${Id}/start`, { Detach: false, Tty: false })), "the lab's container")
}

/** A stream that carries both outputs of the agent. */
export function overSocket(socket: Socket): Transport {
  return {
    write: data => void socket.write(data),
    onOutput: listener => demux(socket, listener),
    onGone: listener => {
      for (const event of ['error', 'end', 'close']) socket.on(event, listener)
    },
    // An idle agent is no reason for this process to go on.
    hold: busy => void (busy ? socket.ref() : socket.unref()),
    close: () => void socket.destroy(),
  }
}

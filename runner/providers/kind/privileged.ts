// What a privileged container may do on the engine's machine: tried with the image of a node.
import { text } from 'node:stream/consumers'
import type { Engine } from '../docker/engine.ts'
import { nodeImage } from './image.ts'

/** Bit 24 of what a process is capable of is CAP_SYS_RESOURCE. */
const ASK = 'while read -r name value; do [ "$name" != CapEff: ] || exit $((1 - (0x$value >> 24 & 1))); done </proc/self/status; exit 2'

/** Whether it may do all. Throws what the engine says where there can be none. */
export async function mayAll(engine: Engine, labels: Readonly<Record<string, string>>): Promise<boolean> {
  const { Id } = await engine.call<{ Id: string }>('POST', '/containers/create', {
    body: { Image: nodeImage(), Entrypoint: ['sh', '-c', ASK], Labels: labels, HostConfig: { Privileged: true, NetworkMode: 'none', LogConfig: { Type: 'none' }, AutoRemove: true } },
  })
  try {
    // The answer begins when the engine has begun to wait.
    const ended = await engine.open('POST', `/containers/${Id}/wait`, { query: { condition: 'removed' } })
    await engine.call('POST', `/containers/${Id}/start`)
    return (JSON.parse(await text(ended)) as { StatusCode: number }).StatusCode === 0
  } finally {
    await engine.call('DELETE', `/containers/${Id}`, { query: { force: 'true', v: 'true' } }).catch(() => {})
  }
}

// A node as a bound zx `$`, for the deeds of lab.ts, and the commands that a lesson prints.
import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { $, quote, type Shell } from 'zx/core'
import type { Nodes } from '../core/lab.ts'
import type { Block } from '../core/lesson.ts'
import { Unable } from '../core/mistake.ts'
import type { Node } from '../core/provider.ts'
import { placeIn } from './bench.ts'

const DEED_MS = 60_000

/** Nodes by name; asking for one that the lab has not says which it has. */
export function shells(nodes: readonly Node[]): Nodes {
  const bound = new Map(nodes.filter(node => node.name !== 'fabric').map(node => [node.name, shell(node)]))
  return new Proxy<Record<string, Shell>>({}, {
    get: (_, name) => {
      const found = typeof name === 'string' ? bound.get(name) : undefined
      if (found === undefined) throw new Unable(`lab.ts uses a node ${String(name)}; the topology has ${[...bound.keys()].join(', ')}`)
      return found
    },
  })
}

function shell(node: Node): Shell {
  // zx wants a child process. What it uses of one is events and streams, so every provider's exec will do.
  const spawn = (script: string): EventEmitter => {
    const child = Object.assign(new EventEmitter(), {
      stdout: new PassThrough(), stderr: new PassThrough(), stdin: new PassThrough(), pid: undefined, kill: () => true,
    })
    void node.exec(['/bin/bash', '-c', script], { timeoutMs: DEED_MS }).then(evidence => {
      child.stdout.end(evidence.stdout)
      child.stderr.end(evidence.stderr)
      const code = evidence.exitCode ?? 124
      child.emit('exit', code, null)
      child.emit('close', code, null)
    }, (error: unknown) => child.emit('error', error))
    return child
  }
  return $({
    spawn: spawn as never, shell: '/bin/bash', prefix: 'set -euo pipefail;', postfix: '', quote,
    // What a node says goes to no terminal unfiltered; zx keeps it for whoever asks.
    verbose: false, quiet: true, stdio: ['ignore', 'pipe', 'pipe'], detached: false,
  })
}

/** Types what a lesson prints, in its order. `bash -e`: a line that fails ends it, as it would end a learner's patience. */
export async function type(blocks: readonly Block[], nodes: readonly Node[]): Promise<void> {
  for (const block of blocks) {
    if (block.kind === 'answer') continue
    const place = block.kind === 'file' ? block.node : block.place
    const node = nodes.find(candidate => candidate.name === place.split('/')[0])
    if (node === undefined) throw new Unable(`${at(block)}: ${place} is not running`)
    const evidence = block.kind === 'file'
      // As a learner does it, by `cat >` or an editor: the folder has to be there. One process does it, where a shell would start a second.
      ? await node.exec(['dd', `of=${block.path}`, 'status=none'], { stdin: block.content })
      : await placeIn(node, place).exec(['/bin/bash', '-e', '-c', block.script], { timeoutMs: DEED_MS })
    if (evidence.exitCode !== 0) {
      const what = block.kind === 'file' ? `writing ${block.path}` : block.script.trim()
      throw new Unable(`${at(block)}: on ${place} this ended with ${evidence.exitCode ?? 'no exit code'}: ${what}\n${evidence.stderr}${evidence.stdout}`.trimEnd())
    }
  }
}

function at(block: Block): string {
  return `${block.at.file}:${block.at.line}:${block.at.column}`
}

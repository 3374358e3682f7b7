// Runs commands through one small process: Node would copy its own page tables for each, which takes longer than the
// command does.
import { spawn } from 'node:child_process'
import { agentOver, type Agent } from '../namespaces/agent.ts'
import type { AgentMachine } from '../namespaces/machine.ts'
import { script } from '../namespaces/script.ts'
import { PATH } from './machine.ts'

/** This host, by an agent that is started when it is first needed, and again if it should be gone. */
export function byAgent(): AgentMachine {
  let agent: Agent | undefined
  return {
    byAgent: true,
    spawn(argv, onOutput, env = {}) {
      if (agent === undefined || agent.gone) agent = open()
      return agent.spawn(argv, onOutput, { PATH: PATH(), ...env })
    },
  }
}

function open(): Agent {
  const child = spawn('perl', ['-e', script('agent.pl'), script('enter.pl'), script('find.pl')], { env: { PATH: PATH(), LC_ALL: 'C' }, detached: true, stdio: 'pipe' })
  return agentOver({
    write: data => void child.stdin.write(data),
    onOutput: listener => {
      child.stdout.on('data', (piece: Buffer) => listener('stdout', piece))
      child.stderr.on('data', (piece: Buffer) => listener('stderr', piece))
    },
    onGone: listener => {
      child.on('error', listener)
      child.on('exit', listener)
      child.stdin.on('error', listener)
    },
    hold: busy => {
      for (const handle of [child, child.stdin, child.stdout, child.stderr] as const) {
        if ('ref' in handle && 'unref' in handle) (handle as { ref(): void; unref(): void })[busy ? 'ref' : 'unref']()
      }
    },
    // The end of its input ends it, and what it runs.
    close: () => void child.stdin.destroy(),
  }, 'the process that runs commands')
}

// What programs of a node have been started with.
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'
import { onceALook } from './once.ts'
import { readCommandLines } from './read/command-lines.ts'
import { tool, type Told } from './tool.ts'

const once = onceALook<Told<readonly (readonly string[])[]>>()

export interface RunningAs {
  /** Undefined: it does not run. */
  readonly argv: readonly string[] | undefined
  readonly evidence: Evidence
}

/** A program by its name. */
export async function runningAs(bench: Bench, node: string, program: string): Promise<RunningAs> {
  const { value, evidence } = await once(bench, node, () =>
    // A line each, of its arguments between zero bytes, which a shell can't hold and a line can.
    tool(bench.place(node), ['sh', '-c', 'for each in /proc/[0-9]*/cmdline; do cat "$each" 2>/dev/null && echo; done; true'], readCommandLines))
  return { argv: value.find(([command = '']) => command.split('/').at(-1) === program), evidence }
}

/** The last is what counts. */
export function flagOf(argv: readonly string[], name: string): string | undefined {
  return argv.flatMap((one, index) => one.startsWith(`--${name}=`) ? [one.slice(name.length + 3)] : one === `--${name}` ? [argv[index + 1] ?? ''] : []).at(-1)
}

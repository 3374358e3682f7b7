// Finds labs and nodes again, by the labels that the kernel holds for us, and enters them.
import type { ExecOptions } from '../../core/bench.ts'
import type { LabId, Node } from '../../core/provider.ts'
import type { Evidence } from '../../core/verdict.ts'
import { CouldNotLook } from '../../core/verdict.ts'
import { exec, type AgentMachine } from './machine.ts'
import { ENTERING, KEYCTL } from './script.ts'

/** A lab as its first process shows it. Process numbers are the machine's. */
export interface FoundLab {
  readonly lab: LabId
  readonly pid: number
  /** False while it would end with its starter. */
  readonly kept: boolean
  /** Whose its first process is, as the machine counts users. */
  readonly uid: number
  readonly labels: ReadonlyMap<string, string>
  readonly names: readonly string[]
  /** Only nodes that are alive. */
  readonly pids: ReadonlyMap<string, number>
}

export interface Whose {
  /** The number on the machine of the user whose they are. Default: all users'. */
  readonly user: number
  /** The number on the machine of the one lab's first process. Default: all labs'. */
  readonly pid?: number | undefined
}

export async function find(machine: AgentMachine, home: string, whose?: Whose): Promise<readonly FoundLab[]> {
  const found = await exec(machine, ['find', home, ...[whose?.user, whose?.pid].filter(number => number !== undefined).map(String)], 'host', ['find.pl', home])
  if (found.exitCode !== 0) throw new CouldNotLook('could not list the running labs', found)
  return readFound(found.stdout)
}

/** Reads what `find.pl` prints. */
export function readFound(text: string): readonly FoundLab[] {
  return text.split(/^(?=lab \d)/m).filter(part => part.startsWith('lab ')).flatMap(part => {
    const [head = '', ...rest] = part.split('\n')
    const [, pid = '', command = ''] = head.split(' ')
    const labels = new Map(rest.filter(line => line.startsWith('HARDWAY_')).map(line => {
      const at = line.indexOf('=')
      return [line.slice(0, at), line.slice(at + 1)] as const
    }))
    const lab = labels.get('HARDWAY_LAB')
    const nodes = labels.get('HARDWAY_NODES')
    if (lab === undefined || nodes === undefined) return []
    const uid = Number(rest.find(line => line.startsWith('uid '))?.slice('uid '.length))
    // A node's first process is a child of the lab's first process, one process namespace deeper, and number 1
    // there: a learner's process can't look like that, so a number that was given away is not believed.
    const children = rest.filter(line => line.startsWith('node ')).map(line => line.split(/\s+/).slice(1).map(Number))
    const alive = new Map(children.filter(numbers => numbers.length >= 3 && numbers.at(-1) === 1)
      .map(numbers => [numbers.at(-2), numbers[0]] as const))
    // These become parts of paths.
    const entries = nodes.split(' ').map(entry => entry.split('=')).filter(([name = '']) => /^[a-z][a-z0-9-]*$/.test(name))
    return [{
      lab, pid: Number(pid), kept: command === 'catatonit', uid, labels,
      names: entries.map(([name = '']) => name),
      pids: new Map(entries.flatMap(([name = '', number = '']) => {
        const host = alive.get(Number(number))
        return host === undefined ? [] : [[name, host] as const]
      })),
    }]
  })
}

/** The lab's directories with one for each node in them. */
export function cgroupsOf(lab: FoundLab): readonly string[] {
  return lab.labels.get('HARDWAY_CGROUPS')?.split(' ').filter(Boolean) ?? []
}

/** The nodes of a lab that are alive, and its fabric. */
export function nodesOf(machine: AgentMachine, lab: FoundLab, command: (argv: readonly string[], node: string) => readonly string[]): readonly Node[] {
  const cgroups = cgroupsOf(lab)
  const processes = lab.labels.get('HARDWAY_PROCESSES') ?? ''
  // Version 2 allows no process beside the cgroups of containers: there a node's own are in a leaf.
  const leaf = new Set(lab.labels.get('HARDWAY_INIT')?.split(' '))
  const entered = (name: string, enter: readonly string[]): Node => ({
    name,
    exec: async (argv: readonly string[], options?: ExecOptions): Promise<Evidence> => {
      const evidence = await exec(machine, ['enter', ...enter, ...argv], name, argv, options)
      if (evidence.exitCode !== 0 && evidence.stderr === GONE) throw new CouldNotLook(`${name} is not running any more`, evidence)
      return evidence
    },
    command: argv => command([...ENTERING, ...enter, ...argv], name),
  })
  return [
    ...[...lab.pids].map(([name, pid]) =>
      entered(name, enter(pid, processes, cgroups.map(directory => `${directory}/${name}${leaf.has(name) ? '/init' : ''}`)))),
    entered('fabric', enter(lab.pid, '', [])),
  ]
}

/** What enter.pl says, and nothing else, when there is nothing to enter. */
const GONE = 'enter: gone\n'

/** What enter.pl is told, before the command itself. */
function enter(pid: number, processes: string, cgroups: readonly string[]): readonly string[] {
  return [String(pid), String(KEYCTL), processes, ...cgroups, '--']
}

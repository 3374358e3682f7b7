// What a lab.ts imports as "hardway/lab".
import type { ProcessPromise, Shell } from 'zx/core'
import type { Bench, Check } from './bench.ts'
import type { NonEmpty, Verdict } from './verdict.ts'

export type { Bench, Check, Link, Namespace, Place } from './bench.ts'
export type { Evidence, Verdict } from './verdict.ts'
export { CouldNotLook, pass, fail, unknown } from './verdict.ts'

/** Every node of the topology as a bound zx `$`: `` node1`ip route` `` runs on node1, as root, by bash. */
export type Nodes<Name extends string = string> = { readonly [name in Name]: Shell }

/**
 * Runs a script on a node: by one bash, which ends at the first line that fails. In `` node1`…` `` itself, what is put in is quoted, and
 * is one word.
 */
export const bash = (node: Shell, ...lines: readonly string[]): ProcessPromise => node({ prefix: 'set -e;' })`eval ${lines.join('\n')}`

/**
 * A line of such a script that writes a text file, which ends with a line end; its folder is made, and its mode is 644 unless said. Bash
 * writes it itself: to start a program costs more than all that it would do.
 */
export function write(path: string, text: string, mode?: string): string {
  const folder = path.replace(/\/?[^/]*$/, '')
  return [
    ...folder === '' ? [] : [`[ -d ${folder} ] || mkdir -p ${folder}`],
    `mapfile -d '' file_text <<'END OF FILE'\n${text.trimEnd()}\nEND OF FILE`,
    `printf %s "$file_text" >${path}`,
    ...mode === undefined ? [] : [`chmod ${mode} ${path}`],
  ].join('\n')
}

/** Something done to the nodes: a solution, an alternative, a mutant's deed. */
export type Deed<Name extends string = string> = (nodes: Nodes<Name>) => Promise<unknown>

/** A wrong solution, and the claim that must refuse it. */
export type Mutant<Name extends string = string> =
  /** Replaces the step's solution. */
  | { readonly refusedBy: string; readonly instead: Deed<Name> }
  /** Breaks a finished step, and so is also a fault. */
  | { readonly refusedBy: string; readonly after: Deed<Name> }

export interface Alternative<Name extends string = string> {
  /** Kernel features (see `lab doctor`) and components (see `lab fetch`) that only this alternative needs. Without them it is skipped, and says so. */
  readonly requires?: readonly string[]
  readonly instead: Deed<Name>
}

/** Grades `lab answer NAME VALUE` on the live nodes. The question itself is the lesson's `answer` fence. */
export interface Answer {
  grade(bench: Bench, value: string): Promise<Verdict>
  /** The right answer now, for the proof, which also tries each of `wrong`. */
  right(bench: Bench): Promise<string>
  readonly wrong: NonEmpty<string>
}

/** The last hint may give the command; none before it does. A function may react to the claims that fail. */
export type Hint = string | ((failing: readonly string[]) => string)

export interface Step<Name extends string = string> {
  readonly checks: NonEmpty<Check>
  readonly hints?: readonly Hint[]
  /** Only for a step whose section prints no commands. */
  readonly solution?: Deed<Name>
  readonly alternatives?: Readonly<Record<string, Deed<Name> | Alternative<Name>>>
  readonly mutants?: Readonly<Record<string, Mutant<Name>>>
  readonly answers?: Readonly<Record<string, Answer>>
  /** Earlier steps, by id, whose claims this one makes untrue, as when a pod moves: while it holds, they need not. */
  readonly replaces?: readonly string[]
  /** The step is true before anything was typed, and why that is right. */
  readonly alreadyTrue?: string
}

export interface Lab<Name extends string = string> {
  /** Runs once on fresh nodes. Sets every sysctl that the lab teaches to its wrong value. */
  readonly setup?: Deed<Name>
  /** One entry for each `## Step {#id}` of lesson.md, in any order. */
  readonly steps: Readonly<Record<string, Step<Name>>>
}

/** The names of the nodes default to those of the three-node topology; a lab with others names them. */
export function defineLab<Name extends string = 'node1' | 'node2' | 'node3'>(lab: Lab<Name>): Lab<Name> {
  return lab
}

// What kubelets say of their nodes.
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'
import { lastWords, ofNodes } from './api.ts'
import type { Missing } from './ends.ts'
import { record, records, text } from './read/json.ts'

export interface Ready {
  readonly node: string
  /** Undefined: nobody has said anything yet. */
  readonly status: string | undefined
  /** What is missing, one by one. */
  readonly lacks: readonly string[]
}

/** The condition Ready of each; or why it can't be had. */
export function conditionsOf(bench: Bench, nodes: readonly string[]): Promise<{ readonly all: readonly Ready[]; readonly evidence: Evidence } | Missing> {
  return ofNodes<Ready>(bench, nodes, (found, node) => {
    const conditions = record(found.status).conditions
    const condition = (Array.isArray(conditions) ? records(conditions) : []).find(one => one.type === 'Ready')
    // Several reasons stand in brackets, each behind a comma.
    const message = text(condition?.message)?.replace(/^\[|\]$/g, '') ?? ''
    return { node, status: text(condition?.status), lacks: message.split(/, (?=[a-zA-Z]+ )/).filter(Boolean) }
  })
}

/** Why a node's kubelet reports nothing: what its log ends with. */
export async function silence(bench: Bench, node: string): Promise<{ readonly because: string; readonly evidence: Evidence }> {
  const log = await lastWords(bench, node, 'kubelet', '^F|^E|rror')
  return { because: `no kubelet reports for ${node}${log.words === '' ? '' : `; its log: ${log.words}`}`, evidence: log.evidence }
}

export const NO_CNI = /^container runtime network not ready: .*cni plugin not initialized$/

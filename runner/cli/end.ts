// How a command ends: its status, and errors as one line that says what to do. No stack trace reaches a user.
import { CommanderError } from 'commander'
import { Mistake, Mistakes, Unable, Usage } from '../core/mistake.ts'
import { CouldNotLook } from '../core/verdict.ts'
import { Interrupted } from './interrupt.ts'
import { plain, remark } from './print.ts'

/** 0 true, 1 a claim failed, 2 used wrongly, 3 could not look. */
export async function endWith(work: Promise<number>): Promise<void> {
  try {
    process.exitCode = await work
  } catch (error) {
    // Work that did not listen may still be under way; its children end when this process does.
    if (error instanceof Interrupted) process.exit(130)
    process.exitCode = said(error)
  }
}

// A command in a node that lab.ts began, and does not wait for: it failed itself, or something beside it did, and its node went. That one is
// said where it is waited for; this process has its nodes to end, and does.
process.on('unhandledRejection', error => {
  if (isDeed(error)) remark(`lab: a command that a lab.ts began and did not wait for ended with ${error.exitCode ?? 'no exit code'}`)
  else process.exit(said(error))
})

/** What zx makes of a command that failed. */
function isDeed(error: unknown): error is { readonly exitCode: number | null } {
  return error instanceof Error && 'exitCode' in error && 'stderr' in error
}

function said(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof Usage) {
    remark(`lab: ${plain(error.message)}`)
    return 2
  }
  if (error instanceof Mistake || error instanceof Mistakes) {
    remark(plain(error.message))
    return 2
  }
  if (error instanceof Unable || error instanceof CouldNotLook) {
    remark(`lab: ${plain(error.message)}`)
    return 3
  }
  remark(`lab: this is a fault of lab itself: ${plain(error instanceof Error ? error.message : String(error))}`)
  remark('  LAB_DEBUG=1 shows where; please report it with the command that you typed')
  if (process.env['LAB_DEBUG']) remark(error instanceof Error ? plain(error.stack ?? '') : '')
  return 3
}

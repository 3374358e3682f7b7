import { readFileSync } from 'node:fs'

/** The text of a script of this folder: scripts are passed as arguments, so nothing has to be installed first. */
export function script(name: 'lab.sh' | 'node.sh' | 'find.sh' | 'enter.pl' | 'agent.pl'): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}

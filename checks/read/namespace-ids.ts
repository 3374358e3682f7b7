// Reads `ip -j netns list-id`: the numbers that a namespace has for others, and their names.
import { readJson, records, text, whole } from './json.ts'

export function readNamespaceIds(output: string): ReadonlyMap<number, string | undefined> {
  return new Map(records(readJson(output)).flatMap(entry => {
    const id = whole(entry['nsid'])
    return id === undefined ? [] : [[id, text(entry['name'])] as const]
  }))
}

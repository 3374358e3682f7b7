// Names that a container runtime gives to network namespaces of pods, as people can read them: their first letters tell them apart.

const OF_A_RUNTIME = /\b(cni-[0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g

/** `cni-9b743555-c371-734e-45f8-efb7fd6acdd1` is `cni-9b743555…`; all else stays as it is. */
export function shortNames(text: string): string {
  return text.replaceAll(OF_A_RUNTIME, '$1…')
}

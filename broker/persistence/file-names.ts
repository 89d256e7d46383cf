/** What the files of the broker are called: a snapshot holds what the journals before its number told. Pure. */

export const journalName = (number: number): string => `journal-${String(number).padStart(10, '0')}`
export const snapshotName = (number: number): string => `snapshot-${String(number).padStart(10, '0')}`

export const parseFileName = (name: string): { kind: 'journal' | 'snapshot'; number: number } | undefined => {
  const [, kind, number] = /^(journal|snapshot)-(\d{10})$/.exec(name) ?? []
  return kind === 'journal' || kind === 'snapshot' ? { kind, number: Number(number) } : undefined
}

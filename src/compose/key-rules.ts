/** What the table of keys is made of. See keys.ts. */
/** `isNoted`: taken without effect, which a note says when the file is read. */
export type Rule = { readonly supported: true; readonly note?: string; readonly isNoted?: true } | string

export const yes = { supported: true } as const
export const readWith = <Note extends string>(note: Note) => ({ supported: true, note }) as const
export const noted = <Note extends string>(note: Note) => ({ supported: true, note, isNoted: true }) as const
export const swarm = 'it has a meaning in Swarm only; remove it'
/** Also what is said of `type: image`. */
export const imageMount = 'copy what it holds into the image of the service'
export const windows = 'it is for Windows containers; remove it'

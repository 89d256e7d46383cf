/** Why a file could not be read, in words for the person who named it. */
export const whyUnreadable = (error: unknown): string => {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EISDIR':
      return 'it is a directory'
    case 'EACCES':
      return 'this user may not read it'
    default:
      return (error as Error).message
  }
}

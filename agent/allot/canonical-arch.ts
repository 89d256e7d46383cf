/** The kind of a processor by one name, however it is called: by the kernel, by Docker or by Node. Pure. */

export const canonicalArch = (name: string): string => {
  const plain = name.toLowerCase()
  return names[plain] ?? (/^arm(hf|el|v[5-7].*|\/v[5-7])$/.test(plain) ? 'arm' : plain)
}

/** As the kernel calls it. */
const names: Readonly<Record<string, string>> = {
  amd64: 'x86_64',
  x64: 'x86_64',
  'x86-64': 'x86_64',
  arm64: 'aarch64',
  'arm64/v8': 'aarch64',
  armv8: 'aarch64',
  ia32: 'x86',
  '386': 'x86',
  i386: 'x86',
  i686: 'x86',
}

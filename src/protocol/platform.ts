/** Platforms as `os/architecture[/variant]`, and which images an engine can run. Pure. */
import type { Reason } from './reason.ts'

/** In the words of image manifests, whatever the kernel or an image calls it; empty where nothing is known. */
export const platformName = (os: string, architecture: string, variant = ''): string => {
  if (os === '' || architecture === '') return ''
  const alias = aliases[architecture.toLowerCase()]
  const [name, ownVariant = ''] = alias?.split('/') ?? [architecture.toLowerCase()]
  // Every arm64 is v8, and some images do not say so.
  const told = name === 'arm64' ? '' : variant || ownVariant
  return [os.toLowerCase(), name, ...(told === '' ? [] : [told])].join('/')
}

const aliases: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  'x86-64': 'amd64',
  i386: '386',
  i686: '386',
  aarch64: 'arm64',
  armhf: 'arm/v7',
  armv7l: 'arm/v7',
  armv8l: 'arm/v7',
  armel: 'arm/v6',
  armv6l: 'arm/v6',
}

/**
 * Whether an engine runs images of a platform by itself, as containerd sees it: amd64 also runs 386, arm64 also 32-bit
 * arm, and arm its older variants. What is not known is not refused.
 */
export const runsOn = (enginePlatform: string, imagePlatform: string): boolean => {
  if (enginePlatform === '' || imagePlatform === '') return true
  const [engineOs, engine = '', engineVariant = 'v8'] = enginePlatform.split('/')
  const [imageOs, image, imageVariant = engineVariant] = imagePlatform.split('/')
  if (engineOs !== imageOs) return false
  if (image === 'arm') return engine === 'arm64' || (engine === 'arm' && imageVariant <= engineVariant)
  return image === engine || (engine === 'amd64' && image === '386')
}

/** Whether an image is of the platform that a service names; a part that either does not name does not matter. */
export const isOfPlatform = (imagePlatform: string, wanted: string): boolean => {
  if (imagePlatform === '') return true
  const image = imagePlatform.split('/')
  const [os = '', architecture = '', variant] = wanted.split('/')
  const parts = architecture === '' ? [os.toLowerCase()] : platformName(os, architecture, variant).split('/')
  return parts.every((part, index) => image[index] === undefined || image[index] === part)
}

/** Why an image is of no use here; a service that names a platform wants just that, as under emulation. */
export const misfitOf = (
  reference: string,
  imagePlatform: string,
  wanted: string | undefined,
  enginePlatform: string,
): Reason | undefined => {
  const isFit = wanted === undefined ? runsOn(enginePlatform, imagePlatform) : isOfPlatform(imagePlatform, wanted)
  if (isFit) return undefined
  const contrast = wanted === undefined ? `this device is ${enginePlatform}` : `the service asks for ${wanted}`
  return { code: 'wrong-platform', message: `image ${reference} is for ${imagePlatform}, and ${contrast}` }
}

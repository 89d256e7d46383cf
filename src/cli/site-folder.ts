/** The folder of a site, on the machine of the broker. */
export const defaultSiteFolder = '/var/lib/longshore-broker/site'

export const siteFolderText = `folder of the site (default: ${defaultSiteFolder})`

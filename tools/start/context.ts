// What the three places to start in have to know. Nothing else.

/** Where to open it, and what. */
export interface StartContext {
  /** The repository, which is the unpacked extension. */
  readonly repository: string;
  /** The folder to open. */
  readonly workspace: string;
  /** Whether `workspace` is the sample project. */
  readonly isSample: boolean;
  /** Folder for profiles and downloads, kept between starts. */
  readonly cache: string;
  readonly hasDisplay: boolean;
}

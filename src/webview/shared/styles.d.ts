// Style sheets are imported for their effect; the bundler gathers those of a page into one file.
declare module "*.css";

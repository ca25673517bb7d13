// Style sheets are imported for their effect; the bundler gathers them into chat.css.
declare module "*.css";

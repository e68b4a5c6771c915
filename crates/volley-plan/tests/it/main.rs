//! What volley-plan promises, tried from outside: campaign files, lists of every shape, and the
//! pass from one to the other.

mod campaign; // what a campaign file says, and what is refused
mod malformed; // the kinds of broken input, one by one
mod pass; // counts, duplicates, prices, requests, plan hash
mod world; // a folder with a campaign in it

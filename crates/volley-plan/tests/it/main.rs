//! What volley-plan promises, tried from outside: campaign files, lists of every shape, and the
//! pass from one to the other.

mod advise; // edits that would save, and that they do
mod campaign; // what a campaign file says, and what is refused
mod diagnosis; // what texts cost beyond what they need to
mod kinds; // every kind of broken input, and every two of them
mod malformed; // what holds of any bytes
mod pass; // counts, duplicates, prices, requests, plan hash
mod rates; // rate cards: what is read, what is refused, what holds on a day
mod world; // a folder with a campaign in it

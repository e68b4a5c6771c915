//! What volley-plan promises, tried from outside: campaign files, lists of every shape, and the
//! pass from one to the other.

mod advise; // edits that would save, and that they do
mod archive; // zip archives and workbooks as few programs write them
mod campaign; // what a campaign file says, and what is refused
mod compressed; // lists in gzip and zstd data, and files that are not what they are called
mod diagnosis; // what texts cost beyond what they need to
mod hours; // the send window: who is left out for it, and how it falls
mod kinds; // every kind of broken input, and every two of them
mod malformed; // what holds of any bytes
mod only; // plans for nobody but those of a list of their own
mod pass; // counts, duplicates, prices, requests, plan hash
mod rates; // rate cards: what is read, what is refused, what holds on a day
mod workbooks; // lists in .xlsx and .ods workbooks
mod world; // a folder with a campaign in it

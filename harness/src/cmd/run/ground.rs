//! What launches of a run are kept apart by, a new one's or a stored one's.

use anyhow::Result;

use super::prepare::BACKLOG;
use crate::cli::Run;
use crate::exit::{NOT_COMPARABLE, refuse};
use crate::isolation::rights::{Ground, prepare};
use crate::plan::Wanted;
use crate::store;

/// What launches can be kept apart by; those of a stored run by what they
/// were before.
///
/// # Errors
/// Not as far as was asked for, or as in the stored run.
pub(super) fn ground(
    args: &Run,
    stored: Option<&store::Run>,
) -> Result<Ground> {
    let Some(stored) = stored else {
        return prepare(args.isolation, BACKLOG);
    };
    let settings = &stored.plan.settings;
    let ground =
        prepare(Wanted::Exactly(settings.isolation), settings.backlog)?;
    let (then, now) =
        (&settings.congestion_control, ground.congestion_control());
    if *then != now {
        let named = |name: &Option<String>| name.clone().unwrap_or_default();
        let (id, then, now) = (&stored.id, named(then), named(&now));
        return Err(refuse(
            NOT_COMPARABLE,
            format!("run {id} had congestion control {then}, now it is {now}"),
        ));
    }
    Ok(ground)
}

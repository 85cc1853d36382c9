//! What a case is: an entry of the catalogue and the function that tries it.

use serde::{Deserialize, Serialize};

use super::lab::Lab;
use super::verdict::Outcome;
use crate::conformance::Tier;

/// How binding a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Level {
    Must,
    Should,
    Info,
}

/// One case. Ids are stable and never reused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) level: Level,
    /// What has to be set up: P plain, R limits before exec, L limits of the
    /// living, N a network namespace, M memory group, T thread group, S
    /// system calls, X descriptors of others, U another user.
    pub(crate) setup: char,
    /// The least tier that includes it; none runs only when asked for.
    pub(crate) tier: Option<Tier>,
    /// Repeats in the tiers.
    pub(crate) repeats: [u32; 3],
    /// Whether the server has to be as good as new afterwards; some cases
    /// end it.
    pub(crate) afterlife: bool,
    pub(crate) run: fn(&mut Lab<'_>) -> Outcome,
}

impl Case {
    /// A MUST of the core tier, short enough for three repeats.
    pub(crate) const fn must(
        id: &'static str,
        title: &'static str,
        run: fn(&mut Lab<'_>) -> Outcome,
    ) -> Self {
        Self {
            id,
            title,
            level: Level::Must,
            setup: 'P',
            tier: Some(Tier::Core),
            repeats: [1, 3, 3],
            afterlife: true,
            run,
        }
    }

    pub(crate) const fn should(self) -> Self {
        Self { level: Level::Should, ..self }
    }

    pub(crate) const fn info(self) -> Self {
        Self { level: Level::Info, repeats: [1, 1, 1], ..self }
    }

    pub(crate) const fn setup(self, setup: char) -> Self {
        Self { setup, ..self }
    }

    /// Belongs to the quick tier too.
    pub(crate) const fn quick(self) -> Self {
        Self { tier: Some(Tier::Quick), ..self }
    }

    /// Takes so long that only the long tier includes it.
    pub(crate) const fn long(self) -> Self {
        Self { tier: Some(Tier::Long), repeats: [1, 1, 1], ..self }
    }

    /// Runs only when asked for.
    pub(crate) const fn asked(self) -> Self {
        Self { tier: None, repeats: [1, 1, 1], ..self }
    }

    /// Takes five seconds or more.
    pub(crate) const fn once(self) -> Self {
        Self { repeats: [1, 1, 1], ..self }
    }

    pub(crate) const fn times(self, core: u32, long: u32) -> Self {
        Self { repeats: [1, core, long], ..self }
    }

    /// Ends every server it starts.
    pub(crate) const fn ends(self) -> Self {
        Self { afterlife: false, ..self }
    }
}

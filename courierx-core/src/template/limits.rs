//! How much a template may cost.

/// How much one rendering may cost. The defaults suit a template written by a stranger.
///
/// ```
/// use courierx_core::template::RenderLimits;
///
/// let limits = RenderLimits::default().with_max_output_bytes(64 * 1024).with_strict(true);
/// assert_eq!(limits.max_output_bytes, 64 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenderLimits {
    /// How long the source may be, in bytes.
    pub max_source_bytes: usize,
    /// How deep blocks and sub-expressions may be nested.
    pub max_depth: usize,
    /// How often all loops of the rendering together may run.
    pub max_iterations: usize,
    /// How much work of any kind the rendering may take: a step is about one tag, one path segment or
    /// 64 compared bytes, some tens of nanoseconds. It stops what no loop counter sees, such as a long
    /// body without output inside an innocent loop.
    pub max_steps: usize,
    /// How long the result may be, in bytes.
    pub max_output_bytes: usize,
    /// Whether a variable that is missing is an error rather than empty.
    pub strict: bool,
}

impl RenderLimits {
    /// The longest source that is ever compiled.
    pub const MAX_SOURCE_BYTES: usize = 512 * 1024;
    /// The deepest nesting that is ever compiled: parsing it fits a stack of 2 MiB without optimisation.
    pub const MAX_DEPTH: usize = 32;

    /// Refuses sources longer than `bytes`; [`RenderLimits::MAX_SOURCE_BYTES`] stays the most.
    #[must_use]
    pub fn with_max_source_bytes(mut self, bytes: usize) -> Self {
        self.max_source_bytes = bytes.min(Self::MAX_SOURCE_BYTES);
        self
    }

    /// Refuses templates nested deeper than `depth`; [`RenderLimits::MAX_DEPTH`] stays the most.
    #[must_use]
    pub fn with_max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth.min(Self::MAX_DEPTH);
        self
    }

    /// Stops after all loops together ran `iterations` times.
    #[must_use]
    pub fn with_max_iterations(mut self, iterations: usize) -> Self {
        self.max_iterations = iterations;
        self
    }

    /// Stops after `steps` of work.
    #[must_use]
    pub fn with_max_steps(mut self, steps: usize) -> Self {
        self.max_steps = steps;
        self
    }

    /// Stops once the result is longer than `bytes`.
    #[must_use]
    pub fn with_max_output_bytes(mut self, bytes: usize) -> Self {
        self.max_output_bytes = bytes;
        self
    }

    /// Makes a missing variable an error.
    #[must_use]
    pub fn with_strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }
}

impl Default for RenderLimits {
    fn default() -> Self {
        Self {
            max_source_bytes: Self::MAX_SOURCE_BYTES,
            max_depth: Self::MAX_DEPTH,
            max_iterations: 100_000,
            max_steps: 5_000_000,
            max_output_bytes: 10 * 1024 * 1024,
            strict: false,
        }
    }
}

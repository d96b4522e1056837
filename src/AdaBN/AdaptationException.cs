namespace AdaBN;

/// <summary>What kept an adaptation from being done.</summary>
public enum AdaptationError
{
    /// <summary>The model has no BatchNormalization whose statistics could be re-estimated.</summary>
    NoBatchNormalization,

    /// <summary>A BatchNormalization node has a form that is not supported.</summary>
    UnsupportedForm,

    /// <summary>No sample, or too few to compute what was asked for.</summary>
    EmptyData,

    /// <summary>More image files are broken than are tolerated.</summary>
    BrokenImages,

    /// <summary>The data's names or shapes do not fit the model's inputs.</summary>
    InputMismatch,

    /// <summary>NaN or infinity, in the data or in an activation.</summary>
    NonFinite,

    /// <summary>Reference statistics are damaged, or of another model.</summary>
    InvalidReference,

    /// <summary>Statistics of a domain, or a bank of them, are damaged, or of another model.</summary>
    InvalidPatch,

    /// <summary>A policy decided statistics that no layer can have.</summary>
    InvalidDecision,

    /// <summary>The model's output is a picture, and <see cref="AdaptationOptions.AllowImageOutput"/> is not set.</summary>
    ImageOutput,

    /// <summary>The state of a run that was to be resumed is damaged, or of another run.</summary>
    InvalidState,

    /// <summary>Processes that adapt together do not have the same model, settings, data or arithmetic.</summary>
    RanksDiffer,

    /// <summary>ONNX Runtime refuses the model or fails while running it.</summary>
    ModelRefused,

    /// <summary>Other processes that adapt the model together with this one do not come to an exchange in time.</summary>
    RanksSilent,

    /// <summary>One of several processes that adapt a model together fails in a way that is none of the above; the inner exception says how.</summary>
    RankFailed,
}

/// <summary>A model could not be adapted. The message says what was found, what was expected, where, and how to mend it.</summary>
public sealed class AdaptationException : Exception
{
    /// <summary>Creates the error.</summary>
    public AdaptationException(AdaptationError error, string message, Exception? innerException = null)
        : base(message, innerException) => Error = error;

    /// <summary>What kind of error it is.</summary>
    public AdaptationError Error { get; }
}

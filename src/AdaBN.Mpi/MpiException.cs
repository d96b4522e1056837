namespace AdaBN.Mpi;

/// <summary>MPI cannot be used, or fails. The message says what was found, what was expected, and how to mend it.</summary>
public sealed class MpiException : Exception
{
    /// <summary>Creates the error.</summary>
    public MpiException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}

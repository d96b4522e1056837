namespace AdaBN.Onnx;

/// <summary>An ONNX file or graph is not what it should be. The message says what was found, what was expected, where, and how to mend it.</summary>
public sealed class OnnxModelException : Exception
{
    /// <summary>Creates the error.</summary>
    public OnnxModelException(string message) : base(message) { }

    /// <summary>Creates the error, keeping its cause.</summary>
    public OnnxModelException(string message, Exception innerException) : base(message, innerException) { }
}

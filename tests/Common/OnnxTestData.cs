namespace AdaBN.TestSupport;

/// <summary>ONNX's own test models and vectors, where Debian's package libonnx-testdata has put them.</summary>
internal static class OnnxTestData
{
    public const string Folder = "/usr/share/libonnx-testdata/data";
    public const string WhySkipped = $"{Folder} is not there; Debian's package libonnx-testdata brings it (apt-get install libonnx-testdata)";

    public static bool IsInstalled => Directory.Exists(Folder);

    public static IEnumerable<string> Models => Directory.GetFiles(Folder, "model.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal);
}

namespace AdaBN.Benchmarks.Systems;

/// <summary>Plain inference with the source model: the floor, since an adaptation has to compute nearly all of it.</summary>
internal sealed class Inference(string modelFile, Images images, SessionSettings settings) : ISystem
{
    private readonly SessionPass _pass = new(modelFile, images, settings);
    private bool _isFinite = true;

    public string Note => settings.ToString();

    public double Pass() => _pass.Run();

    public void Verify()
    {
        _pass.Run(outputs => _isFinite &= outputs.All(output => output.All(float.IsFinite)));
        if (!_isFinite) throw new InvalidOperationException("Plain inference gives NaN or infinity.");
    }

    public void Dispose() => _pass.Dispose();
}

namespace AdaBN;

/// <summary>Samples that can be read from any one on, so that each of several processes opens its part (<see cref="AdaptationOptions.Communicator"/>) without reading what lies before.</summary>
public interface ISeekableSampleSource : ISampleSource
{
    /// <summary>Starts reading at a sample.</summary>
    /// <param name="first">Its number, from 0 to <see cref="ISampleSource.Count"/>.</param>
    ISampleReader OpenReader(long first);
}
